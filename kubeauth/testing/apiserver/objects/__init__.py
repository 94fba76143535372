"""The objects of the simulated cluster: kinds, changes, selection, storage and watches."""
