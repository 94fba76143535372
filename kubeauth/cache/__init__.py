"""The token cache: what is kept between two processes, and how it stays private."""
