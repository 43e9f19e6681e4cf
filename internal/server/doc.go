// Package server is the frame that all doors of the server stand in: it
// listens, finds out who calls, checks what they may, bounds what they send,
// and hands the request to a door together with the organisation that it
// belongs to. Doors ([Route]) live in packages of their own and are put together
// by the command line.
package server
