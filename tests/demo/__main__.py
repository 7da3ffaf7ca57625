# SPDX-License-Identifier: Apache-2.0
import sys

from tests.demo.run import main

sys.exit(main())
