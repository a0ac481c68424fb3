"""Files kept and exchanged by what is in them: recordings at the hub, attachments of tickets everywhere."""
