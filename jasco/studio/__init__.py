"""Page for musicians on this machine: chord lane, drums, melody, takes and what they follow."""
