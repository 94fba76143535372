"""The objects of the simulated cluster: their kinds, changes, selection and storage."""
