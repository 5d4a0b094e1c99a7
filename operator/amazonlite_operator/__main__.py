from __future__ import annotations

import uvloop

from amazonlite_operator.main import main

if __name__ == "__main__":
    uvloop.run(main())
