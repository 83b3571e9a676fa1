"""What the commands do: a module for each group, imported when one of its commands is called."""
