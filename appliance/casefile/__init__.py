"""One case, one file (一事一档): everything a case is made of, in a ZIP that opens without a network."""
