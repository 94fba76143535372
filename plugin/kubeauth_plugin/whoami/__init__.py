"""Who a sign-in makes you: the token's claims, and what the API server says of them."""
