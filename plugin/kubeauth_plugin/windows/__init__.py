"""What only Windows needs: its processes and its consoles."""
