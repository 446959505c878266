import sys
from pathlib import Path

# Tests are imported without packages, so shared modules are found here.
sys.path.insert(0, str(Path(__file__).parent))
