"""Official letters and slips: templates, the document made of a ticket, its number, seal and register."""
