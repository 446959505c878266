import sys
from pathlib import Path

# Tests are imported without packages, so what they share is imported from here.
sys.path.insert(0, str(Path(__file__).parent))
