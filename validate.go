package whodid

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The bounds of an event's text, in bytes. They keep a leaf well under the
// 65,535 bytes that C2SP tlog-tiles allows and content out of the trail.
const (
	MaxTarget = 1024
	MaxWhy    = 2048
	MaxKey    = 256
	maxShort  = 128
)

// Times outside these are mistakes of a clock, not times of an agent's run.
var (
	earliest = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// ErrInvalid is wrapped by every error of [Event.Validate].
var ErrInvalid = errors.New("invalid event")

// Validate says whether the event may enter the trail: every field well
// formed and within its bounds, its verb in the catalogue and its metadata
// what the catalogue allows. It changes nothing; see [Event.Trim] for that.
func (e *Event) Validate() error {
	if err := e.validate(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}

func (e *Event) validate() error {
	kind, ok := KindOf(e.What)
	if !ok {
		return fmt.Errorf("%q is not a verb of the catalogue", e.What)
	}
	if !validActor(e.Actor) {
		return fmt.Errorf("actor %q is none of agent:squad/name, human:…, system:…", e.Actor)
	}
	if e.OnBehalfOf != "" && !IsHuman(e.OnBehalfOf) {
		return fmt.Errorf("on_behalf_of %q is not a person", e.OnBehalfOf)
	}
	if !e.Result.Valid() {
		return fmt.Errorf("result %q is none of %v", e.Result, Results())
	}
	if kind.Action && e.Result == ResultNone {
		return fmt.Errorf("an action needs a result; %q has none", e.What)
	}
	if e.At.Before(earliest) || e.At.After(latest) {
		return fmt.Errorf("time %s is out of range", e.At.Format(time.RFC3339))
	}
	if err := e.validateText(); err != nil {
		return err
	}
	if err := e.validateApproval(); err != nil {
		return err
	}
	if err := e.validatePasskey(); err != nil {
		return err
	}
	if err := e.validateRetention(); err != nil {
		return err
	}
	if err := e.validateIncident(); err != nil {
		return err
	}
	return kind.validateData(e.Data)
}

func (e *Event) validateText() error {
	for _, f := range []struct {
		name, value string
		limit       int
		required    bool
	}{
		{"key", e.Key, MaxKey, true},
		{"actor", e.Actor, 2*maxName + 16, true},
		{"actor_auth", e.ActorAuth, maxShort, false},
		{"on_behalf_of", e.OnBehalfOf, maxShort, false},
		{"on_behalf_auth", e.OnBehalfAuth, maxShort, false},
		{"target", e.Target, MaxTarget, false},
		{"why", e.Why, MaxWhy, false},
		{"execution", e.Execution, maxShort, false},
		{"session", e.Session, maxShort, false},
		{"approval", e.Approval, maxShort, false},
		{"source", e.Source, maxShort, true},
	} {
		switch {
		case f.required && f.value == "":
			return fmt.Errorf("%s is missing", f.name)
		case len(f.value) > f.limit:
			return fmt.Errorf("%s has %d bytes, %d are allowed", f.name, len(f.value), f.limit)
		case !cleanText(f.value):
			return fmt.Errorf("%s is not UTF-8 text without NUL", f.name)
		}
	}
	if e.Execution != "" && !ValidID(e.Execution) {
		return fmt.Errorf("execution %q is not an id such as exec-7k2m9q4tz8w1c3ab", e.Execution)
	}
	return nil
}

func (k *Kind) validateData(d Data) error {
	if len(d) > MaxDataFields {
		return fmt.Errorf("metadata has %d fields, %d are allowed", len(d), MaxDataFields)
	}
	size := 0
	for name, v := range d {
		field, known := k.Allows(name)
		if !known && !(k.Open && validFieldName(name)) {
			return fmt.Errorf("%s has no metadata field %q", k.Name, name)
		}
		n, ok := checkValue(v, field.Type, known)
		if !ok {
			return fmt.Errorf("metadata field %q of %s: %T is not a valid %s", name, k.Name, v, field.Type)
		}
		size += len(name) + n
	}
	if size > MaxDataBytes {
		return fmt.Errorf("metadata has %d bytes, %d are allowed", size, MaxDataBytes)
	}
	return nil
}

// checkValue returns about how many bytes v takes, and whether it is of the
// type (any type where typed is false) and within the bounds.
func checkValue(v any, t FieldType, typed bool) (int, bool) {
	switch v := v.(type) {
	case string:
		return len(v), (!typed || t == String) && len(v) <= MaxDataString && cleanText(v)
	case int64:
		_, err := boundedInt(v)
		return 8, (!typed || t == Int) && err == nil
	case int:
		return checkValue(int64(v), t, typed)
	case bool:
		return 5, !typed || t == Bool
	case []string:
		n := 0
		for _, s := range v {
			if len(s) > MaxDataString || !cleanText(s) {
				return 0, false
			}
			n += len(s)
		}
		return n, !typed || t == List
	default:
		return 0, false
	}
}

// Cut makes the event's text fit: it is cut to its bound on a rune's edge, and
// invalid UTF-8 and NUL are replaced.
func (e *Event) Cut() {
	e.Target = cut(e.Target, MaxTarget)
	e.Why = cut(e.Why, MaxWhy)
	e.Session = cut(e.Session, maxShort)
	e.Approval = cut(e.Approval, maxShort)
	for name, v := range e.Data {
		if s, isText := v.(string); isText {
			if short := cut(s, MaxDataString); short != s {
				e.Data[name] = short
			}
		}
	}
}

// Trim makes an event that a foreign source told fit: its text is cut, its
// time put to UTC microseconds, and metadata that the catalogue does not list
// is dropped unless open is true and the kind is open. If there is more of it
// than an event may have, the largest fields are dropped. It returns the names
// of dropped fields.
func (e *Event) Trim(open bool) (dropped []string) {
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.Cut()
	kind, ok := KindOf(e.What)
	if !ok {
		return nil
	}
	total := 0
	for name, v := range e.Data {
		field, known := kind.Allows(name)
		size, fits := checkValue(v, field.Type, known)
		if !fits || !known && !(open && kind.Open && validFieldName(name)) {
			delete(e.Data, name)
			dropped = append(dropped, name)
			continue
		}
		total += len(name) + size
	}
	if len(e.Data) <= MaxDataFields && total <= MaxDataBytes {
		return dropped
	}
	sizes := make(map[string]int, len(e.Data))
	for name, v := range e.Data {
		field, known := kind.Allows(name)
		size, _ := checkValue(v, field.Type, known)
		sizes[name] = len(name) + size
	}
	for len(sizes) > MaxDataFields || total > MaxDataBytes {
		name := largest(sizes)
		total -= sizes[name]
		delete(sizes, name)
		delete(e.Data, name)
		dropped = append(dropped, name)
	}
	return dropped
}

// largest is the name with the largest size, the first by name of equals.
func largest(sizes map[string]int) string {
	best := ""
	for name, size := range sizes {
		if best == "" || size > sizes[best] || size == sizes[best] && name < best {
			best = name
		}
	}
	return best
}

func validActor(actor string) bool {
	class, name, ok := strings.Cut(actor, ":")
	if !ok || name == "" {
		return false
	}
	switch class {
	case "agent":
		_, _, err := ParseAgent(name)
		return err == nil
	case "human", "system":
		return validName(name)
	default:
		return false
	}
}

func validFieldName(s string) bool {
	if s == "" || len(s) > 64 || !isAlnum(s[0]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func cleanText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

func cut(s string, limit int) string {
	if !cleanText(s) {
		s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	}
	if len(s) <= limit {
		return s
	}
	const ellipsis = "…"
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}
