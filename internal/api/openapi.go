package api

import "github.com/whodid/whodid/docs"

func (c *call) openapi() error { return c.send("application/json", "max-age=300", docs.OpenAPI) }
