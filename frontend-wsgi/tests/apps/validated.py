"""The bare applications, watched by wsgiref.validate: it complains about what either side does wrong."""

from wsgiref.validate import validator

import bare

app = validator(bare.app)
