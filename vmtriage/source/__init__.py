"""What a dump and a namelist say of themselves, without crash."""
