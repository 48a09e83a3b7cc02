"""Alert streams: packets from light curves, out at their times, and the answers back."""
