// Package docs holds those of the documents beside it that the program itself
// serves.
package docs

import _ "embed"

// OpenAPI describes the HTTP API (OpenAPI 3.1, JSON).
//
//go:embed openapi.json
var OpenAPI []byte
