package whodid

import (
	"slices"
	"strings"
	"sync"
)

// Kind is one entry of the catalogue: what a verb means and what an event of
// it may say. The validator, the documentation, the sweeper and the tests that
// look for leaked content all read it.
type Kind struct {
	// Name is the dotted verb, noun first: "file.write".
	Name string `json:"name"`
	// Meaning says in a sentence when such an event is recorded.
	Meaning string `json:"meaning"`
	// Class is how long events of this kind are kept.
	Class Class `json:"class"`
	// Action tells whether the event is an action of an execution, and so a
	// row of the founding relation "actions".
	Action bool `json:"action,omitempty"`
	// Folds tells whether the event changes what an execution adds up to.
	Folds bool `json:"folds,omitempty"`
	// Open allows short metadata fields beside Fields; only a person or a
	// script that records through the command line or the API may use them.
	Open bool `json:"open,omitempty"`
	// Fields are the metadata fields the event may carry.
	Fields []Field `json:"fields,omitempty"`
}

// Class is a retention class; a policy gives each class its period.
type Class string

// The retention classes, with the periods of the founding page.
const (
	ClassRun       Class = "run"       // executions and actions: 90 days
	ClassSession   Class = "session"   // sessions of clients: 30 days
	ClassPermanent Class = "permanent" // what is kept for ever: decisions, gaps, sweeps
)

// Classes lists the retention classes.
func Classes() []Class { return []Class{ClassRun, ClassSession, ClassPermanent} }

// Field is one metadata field that a kind allows.
type Field struct {
	Name    string    `json:"name"`
	Type    FieldType `json:"type"`
	Privacy Privacy   `json:"privacy"`
	Meaning string    `json:"meaning"`
}

// FieldType is the type of a metadata field.
type FieldType string

// The types that metadata can have.
const (
	String FieldType = "string"
	Int    FieldType = "int"
	Bool   FieldType = "bool"
	List   FieldType = "list"
)

// Privacy says what a field could tell about a person.
type Privacy string

// The privacy classes of fields.
const (
	// Technical fields hold numbers, names of tools and digests.
	Technical Privacy = "technical"
	// Linkable fields hold names and addresses that may lead to a person.
	Linkable Privacy = "linkable"
)

// Allows returns the definition of a metadata field of the kind.
func (k *Kind) Allows(field string) (Field, bool) {
	for _, f := range k.Fields {
		if f.Name == field {
			return f, true
		}
	}
	return Field{}, false
}

// LookupKind returns the catalogue's entry for a verb.
func LookupKind(what string) (*Kind, bool) {
	k, ok := kindsByName()[what]
	return k, ok
}

// KindOf returns the catalogue's entry for a verb; a well-formed verb that the
// catalogue does not list, and whose noun is not reserved, is an action that a
// script of the organisation defined for itself.
func KindOf(what string) (*Kind, bool) {
	if k, ok := LookupKind(what); ok {
		return k, true
	}
	noun, verb, ok := strings.Cut(what, ".")
	if !ok || !validVerb(noun) || !validVerb(verb) || len(what) > 64 || reservedNoun(noun) {
		return nil, false
	}
	return &Kind{
		Name: what, Meaning: "An action that a script of the organisation defined.",
		Class: ClassRun, Action: true, Open: true, Fields: actionFields(),
	}, true
}

func validVerb(s string) bool {
	if s == "" || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return !strings.HasSuffix(s, ".")
}

// reservedNoun reports whether events about the noun are the product's own, so
// that nobody may add verbs to it.
func reservedNoun(noun string) bool {
	switch noun {
	case "execution", "session", "turn", "model", "record", "event", "checkpoint",
		"approval", "decision", "privacy", "retention", "hold", "exception", "policy", "token", "view", "review",
		"permission", "hook", "settings", "forge", "incident", "passkey":
		return true
	default:
		return false
	}
}

var kindsByName = sync.OnceValue(func() map[string]*Kind {
	all := Catalogue()
	m := make(map[string]*Kind, len(all))
	for i := range all {
		m[all[i].Name] = &all[i]
	}
	return m
})

// Catalogue returns every kind of event the product records, sorted by name.
func Catalogue() []Kind {
	kinds := slices.Concat(lifecycleKinds(), recordKinds(), actionKinds(), gitKinds(), policyKinds(), telemetryKinds(), accessKinds(), memoryKinds(), approvalKinds(), reviewKinds(), reconcileKinds(), incidentKinds(), privacyKinds(), retentionKinds(), forgeKinds())
	slices.SortFunc(kinds, func(a, b Kind) int { return strings.Compare(a.Name, b.Name) })
	return kinds
}
