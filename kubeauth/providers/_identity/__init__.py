"""The identity endpoints of Azure's services, and what they answer."""
