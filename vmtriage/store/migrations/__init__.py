"""How older stores become what this vmtriage wants."""
