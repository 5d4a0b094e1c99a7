from __future__ import annotations

import pytest

pytest.register_assert_rewrite("contract.sales_contract", "contract.sale_under_test")
