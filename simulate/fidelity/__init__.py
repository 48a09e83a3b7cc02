"""The simulation held against formulas, other codes and real data; what docs/validation.md is made of."""
