package proof

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Policy says which logs are trusted, and which witnesses must have cosigned their
// checkpoints, as a file of C2SP tlog-policy does.
//
// Specification: https://c2sp.org/tlog-policy.
type Policy struct {
	// Logs are the keys of the logs, as text.
	Logs []string
	// Witnesses are all that it names, Quorum which of them are asked for.
	Witnesses []Witness
	Quorum    Quorum
}

// The bounds of a policy.
const (
	MaxPolicy      = 1 << 20
	maxPolicyLines = 10_000
)

// ParsePolicy reads a policy. What it does not understand is an error.
func ParsePolicy(text []byte) (*Policy, error) {
	if len(text) > MaxPolicy {
		return nil, fmt.Errorf("the policy has more than %d bytes", MaxPolicy)
	}
	p := policyParser{names: map[string]Quorum{}, used: map[string]bool{}, keys: map[string]bool{}}
	lines := bytes.Split(text, []byte("\n"))
	if len(lines) > maxPolicyLines {
		return nil, fmt.Errorf("the policy has more than %d lines", maxPolicyLines)
	}
	for i, line := range lines {
		if err := p.line(line); err != nil {
			return nil, fmt.Errorf("line %d of the policy: %w", i+1, err)
		}
	}
	if !p.quorum {
		return nil, errors.New("the policy has no quorum")
	}
	return &p.Policy, nil
}

type policyParser struct {
	Policy
	names  map[string]Quorum // of witnesses and groups
	used   map[string]bool   // names that are members of a group
	keys   map[string]bool   // the keys themselves: a witness of two names would count twice
	quorum bool
}

func (p *policyParser) line(line []byte) error {
	for _, c := range line {
		if c < ' ' && c != '\t' || c == 0x7f {
			return errors.New("it has a control character")
		}
	}
	words := bytes.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(words) == 0 || words[0][0] == '#' {
		return nil
	}
	args := make([]string, len(words)-1)
	for i := range args {
		args[i] = string(words[i+1])
	}
	switch kind := string(words[0]); {
	case kind == "log" && (len(args) == 1 || len(args) == 2):
		return p.log(args[0])
	case kind == "witness" && (len(args) == 2 || len(args) == 3):
		return p.witness(args[0], args[1])
	case kind == "group" && len(args) >= 3:
		return p.group(args[0], args[1], args[2:])
	case kind == "quorum" && len(args) == 1:
		return p.setQuorum(args[0])
	default:
		return fmt.Errorf("%q is no line of a policy", short(string(line)))
	}
}

func (p *policyParser) log(key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("couldn't read the public key %q: %w", short(key), err)
	}
	if err := p.newKey("log", key[strings.LastIndexByte(key, '+')+1:], v.Name()); err != nil {
		return err
	}
	p.Logs = append(p.Logs, key)
	return nil
}

func (p *policyParser) witness(name, key string) error {
	w, err := ParseWitness(key)
	if err != nil {
		return err
	}
	if err := p.newKey("witness", string(w.key), w.Name()); err != nil {
		return err
	}
	if err := p.name(name, Quorum{words: name, need: 1, witness: len(p.Witnesses)}); err != nil {
		return err
	}
	p.Witnesses = append(p.Witnesses, w)
	return nil
}

func (p *policyParser) newKey(kind, key, name string) error {
	if p.keys[kind+" "+key] {
		return fmt.Errorf("the key of the %s %q is there twice", kind, short(name))
	}
	p.keys[kind+" "+key] = true
	return nil
}

func (p *policyParser) name(name string, of Quorum) error {
	if _, taken := p.names[name]; taken || name == "none" {
		return fmt.Errorf("the name %q is taken", short(name))
	}
	p.names[name] = of
	return nil
}

func (p *policyParser) group(name, threshold string, members []string) error {
	g := Quorum{words: name}
	for _, member := range members {
		of, ok := p.names[member]
		switch {
		case !ok:
			return fmt.Errorf("there is no %q before it", short(member))
		case p.used[member]:
			return fmt.Errorf("%q is a member of a group already: it would count twice", short(member))
		}
		p.used[member] = true
		g.members = append(g.members, of)
	}
	switch threshold {
	case "all":
		g.need = len(members)
	case "any":
		g.need = 1
	default:
		n, err := strconv.Atoi(threshold)
		if err != nil || n < 1 || n > len(members) || threshold != strconv.Itoa(n) {
			return fmt.Errorf("%q is none of all, any and 1 to %d", short(threshold), len(members))
		}
		g.need = n
	}
	return p.name(name, g)
}

func (p *policyParser) setQuorum(name string) error {
	if p.quorum {
		return errors.New("there is a second quorum")
	}
	p.quorum = true
	if name == "none" {
		return nil
	}
	var ok bool
	if p.Quorum, ok = p.names[name]; !ok {
		return fmt.Errorf("there is no %q before it", short(name))
	}
	return nil
}
