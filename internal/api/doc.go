// Package api is the HTTP API: it takes events in and answers questions with
// the very values that the command line prints with --json. One table of
// operations says what there is; the routes and the OpenAPI document are made
// from it, so that neither can lack what the other has.
package api
