"""What other programs may do with the box: tokens by which they ask, webhooks by which they are told."""
