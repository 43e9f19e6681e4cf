// Package mcp lets agents ask the trail, and record what they decided, over the
// Model Context Protocol: on standard input and output for a client that starts
// the program, and over HTTP as a door of the server.
//
// What the trail holds was written by others, also by whoever wants an agent to do
// something. So nothing of it is ever a description, a name, a link or a message:
// every answer has one fixed shape, in which the strings of the trail are values
// under "data", bounded in number and length, with everything made visible that a
// reader would not see. docs/mcp.md says so in full.
package mcp
