package model

import _ "embed" // scenario.json is data for tests and for the demo

//go:embed testdata/scenario.json
var scenario []byte

// Scenario gives the script that the end-to-end tests and the demo share: an agent reads, writes and edits files, runs a check that fails
// and then passes, sends out two sub-agents at once, commits, opens an issue and a pull request, and types a (fake) secret in a command.
// The directory is the absolute path of the repository that the client works in.
func Scenario(directory string) (Script, error) {
	return Parse(scenario, map[string]string{"dir": directory})
}
