// Package whodid holds the words of the audit trail for AI agents: the event
// that everything recorded is, the catalogue of what an event may say, and the
// execution that events add up to.
//
// The package is pure: it does no I/O, reads no clock and imports only the
// standard library, so that a Go program can import it to record itself and
// every part of the product can share one meaning of each word.
package whodid
