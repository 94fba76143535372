"""The objects of the simulated cluster: their kinds, changes and selection, and watches on them."""
