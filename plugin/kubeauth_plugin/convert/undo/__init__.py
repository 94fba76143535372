"""What conversions changed, and how `convert-kubeconfig --undo` puts it back."""
