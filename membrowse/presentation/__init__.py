"""What a finding looks like as lines of text, once, for the browser and the command line."""
