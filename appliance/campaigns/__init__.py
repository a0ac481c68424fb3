"""Voice notification campaigns (语音通知): a list of numbers is called and told something."""
