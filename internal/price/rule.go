package price

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

const (
	maxPattern      = 256    // bytes of one regular expression
	maxPatternSize  = 1_000  // instructions of one, about
	maxPatternTotal = 50_000 // instructions of all in a table
)

// rule accepts or rejects a name in lower case.
type rule func(name string) bool

// ruleJSON is a rule as the table writes it: an object with exactly one of
// these fields.
type ruleJSON struct {
	Or         []ruleJSON `json:"or"`
	And        []ruleJSON `json:"and"`
	Equals     *string    `json:"equals"`
	StartsWith *string    `json:"starts_with"`
	EndsWith   *string    `json:"ends_with"`
	Contains   *string    `json:"contains"`
	Regex      *string    `json:"regex"`
}

// compiler turns rules into functions. It counts what the regular expressions
// of a table will take.
type compiler struct{ patternTotal int }

func (c *compiler) rule(j *ruleJSON) (rule, error) {
	var made []rule
	for _, text := range [...]struct {
		pattern *string
		accepts func(name, pattern string) bool
	}{
		{j.Equals, func(name, pattern string) bool { return name == pattern }},
		{j.StartsWith, strings.HasPrefix},
		{j.EndsWith, strings.HasSuffix},
		{j.Contains, strings.Contains},
	} {
		if text.pattern != nil {
			pattern := strings.ToLower(*text.pattern)
			made = append(made, func(name string) bool { return text.accepts(name, pattern) })
		}
	}
	if j.Regex != nil {
		r, err := c.regex(*j.Regex)
		if err != nil {
			return nil, fmt.Errorf("couldn't compile rule: %w", err)
		}
		made = append(made, r)
	}
	if j.Or != nil {
		parts, err := c.rules(j.Or)
		if err != nil {
			return nil, err
		}
		made = append(made, func(name string) bool {
			for _, r := range parts {
				if r(name) {
					return true
				}
			}
			return false
		})
	}
	if j.And != nil {
		parts, err := c.rules(j.And)
		if err != nil {
			return nil, err
		}
		made = append(made, func(name string) bool {
			for _, r := range parts {
				if !r(name) {
					return false
				}
			}
			return true
		})
	}
	if len(made) != 1 {
		return nil, fmt.Errorf("couldn't compile rule: %d known conditions in it instead of one", len(made))
	}
	return made[0], nil
}

func (c *compiler) rules(js []ruleJSON) ([]rule, error) {
	// An empty "and" would accept every name.
	if len(js) == 0 {
		return nil, errors.New("couldn't compile rule: empty list")
	}
	made := make([]rule, len(js))
	for i := range js {
		r, err := c.rule(&js[i])
		if err != nil {
			return nil, err
		}
		made[i] = r
	}
	return made, nil
}

// regex compiles a regular expression of the table. The table is written for
// engines that backtrack, and uses one thing that Go's linear-time engine
// lacks: a negative lookahead right at the start, ^(?!A)B. That accepts what ^B
// accepts and ^A doesn't, which needs no such engine.
func (c *compiler) regex(pattern string) (rule, error) {
	if len(pattern) > maxPattern {
		return nil, fmt.Errorf("regular expression has %d bytes, at most %d are allowed", len(pattern), maxPattern)
	}
	const lookahead = "^(?!"
	if !strings.HasPrefix(pattern, lookahead) {
		re, err := c.linear(pattern)
		if err != nil {
			return nil, err
		}
		return re.MatchString, nil
	}
	end, _ := groupEnd(pattern[len(lookahead):])
	if end < 0 {
		return nil, fmt.Errorf("regular expression %q has an open group", pattern)
	}
	refuse, accept := pattern[len(lookahead):][:end], pattern[len(lookahead):][end+1:]
	// In ^(?!A)B|C the lookahead would not concern C.
	if _, alternatives := groupEnd(accept + ")"); alternatives {
		return nil, fmt.Errorf("regular expression %q has alternatives beside a lookahead", pattern)
	}
	refused, err := c.linear("^(?:" + refuse + ")")
	if err != nil {
		return nil, err
	}
	accepted, err := c.linear("^" + accept)
	if err != nil {
		return nil, err
	}
	return func(name string) bool { return accepted.MatchString(name) && !refused.MatchString(name) }, nil
}

// groupEnd returns the index of the parenthesis that closes the group whose
// content the pattern starts with, or -1, and whether the group has
// alternatives of its own.
func groupEnd(pattern string) (end int, alternatives bool) {
	depth, class := 1, false
	for i := 0; i < len(pattern); i++ {
		switch ch := pattern[i]; {
		case ch == '\\':
			i++
		case class:
			class = ch != ']'
		case ch == '[':
			class = true
		case ch == '|' && depth == 1:
			alternatives = true
		case ch == '(':
			depth++
		case ch == ')':
			if depth--; depth == 0 {
				return i, alternatives
			}
		}
	}
	return -1, alternatives
}

// linear compiles an expression after having looked how large it will become:
// x{1000} is six bytes long.
func (c *compiler) linear(pattern string) (*regexp.Regexp, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	size := patternSize(parsed)
	c.patternTotal += size
	if size > maxPatternSize || c.patternTotal > maxPatternTotal {
		return nil, fmt.Errorf("regular expression %q is too large", pattern)
	}
	return regexp.Compile(pattern)
}

func patternSize(re *syntax.Regexp) int {
	size := 1 + len(re.Rune)
	for _, sub := range re.Sub {
		size += patternSize(sub)
	}
	if re.Op == syntax.OpRepeat {
		size *= max(re.Min, re.Max, 1)
	}
	return size
}
