// Package population is the export of a whole period of a trail as auditors get
// it: its tables and their columns, how rows are written as CSV and JSON lines,
// the signed manifest, and the check that somebody makes who trusts nobody. It
// is pure and works offline. docs/export.md specifies the files.
package population

import (
	"strings"

	"github.com/whodid/whodid"
)

// Format is the format of the exports that this package describes and reads.
const Format = "whodid-export/1"

// The files of an export that are not tables.
const (
	FileManifest   = "manifest.json"
	FileReadme     = "README.md"
	FileControls   = "CONTROLS.md"
	FileCheckpoint = "checkpoint"
	FileRange      = "proof/range.json"
	FileEntries    = "proof/entries.jsonl"
	FileSums       = "SHA256SUMS"
	FileSigned     = "SHA256SUMS.note"
)

// Basis says by which time an event belongs to a period.
type Basis string

// The bases that there are.
const (
	// Happened is the time of the fact by its source's clock.
	Happened Basis = "happened"
	// Recorded is the time at which the trail took it, by the trail's clock.
	Recorded Basis = "recorded"
)

// Names of the tables.
const (
	Executions     = "executions"
	PolicyVersions = "policy_versions"
	Actions        = "actions"
	Approvals      = "approvals"
	Decisions      = "decisions"
	Exceptions     = "exceptions"
	Policies       = "policies"
	Sweeps         = "sweeps"
	Holds          = "holds"
	Erasures       = "erasures"
	Access         = "access"
	Reviews        = "reviews"
	Incidents      = "incidents"
	Events         = "events"
)

// Table is one population: a file of each format.
type Table struct {
	Name    string
	Meaning string
	Columns []Column
	// OfEvents tells that each row is an event of the log, which the proof covers.
	OfEvents bool
}

// Tables lists the tables in the order in which they are told of.
func Tables() []Table {
	event := EventColumns()
	return []Table{
		{Executions, "Runs of agents that overlap the period, each as all of its events add up to it.", executionColumns(), false},
		{Actions, "What agents did: every event that the catalogue calls an action, attempts included.", event, true},
		{Approvals, "Requests for approval, decisions on them, and their use, withdrawal and expiry.", event, true},
		{Decisions, "The memory: what was decided, why, by whom, what took its place and what came of it.", event, true},
		{Exceptions, "Exceptions from rules of the policy.", event, true},
		{Policies, "Judgements of commits by the policy, with its version and digest, and periods of retention that were set.", event, true},
		{PolicyVersions, "Versions of policies that events of the period name, with how often.", policyColumns(), false},
		{Sweeps, "Certificates of what was removed because its period was over, and what is left to say of it.", event, true},
		{Holds, "Legal holds that were placed and released.", event, true},
		{Erasures, "Values that were erased on request.", event, true},
		{Access, "Who looked, exported and changed access: questions asked of the server, exports, tokens, settings.", event, true},
		{Reviews, "Reviews of what agents did, signed off by people.", event, true},
		{Incidents, "Incidents: what was opened, suspected, noted, closed and handed out.", event, true},
		{Events, "All else that was recorded: lives of runs, model calls, sessions, gaps in recording, what forges and clients told.", event, true},
	}
}

// TableOf names the table that an event of the verb belongs to. Every event
// belongs to exactly one.
func TableOf(what string) string {
	noun, verb, _ := strings.Cut(what, ".")
	switch noun {
	case "approval":
		return Approvals
	case "decision":
		return Decisions
	case "exception":
		return Exceptions
	case "policy":
		return Policies
	case "retention":
		if verb == "set" {
			return Policies
		}
		return Sweeps
	case "hold":
		return Holds
	case "privacy":
		if verb == "erase" || verb == "reapply" || verb == "forget" {
			return Erasures
		}
		return Access
	case "view", "token", "settings":
		return Access
	case "review":
		return Reviews
	case "incident":
		return Incidents
	}
	if kind, ok := whodid.KindOf(what); ok && kind.Action {
		return Actions
	}
	return Events
}
