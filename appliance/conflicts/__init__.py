"""What two boxes did at once and a person should see: both sides, and one click that settles it."""
