package cli

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/runner"
)

// misuse is an error of usage that says what to write instead.
func misuse(err error, hint string, args ...any) error {
	return &exitError{code: ExitUsage, err: withHint(err, hint, args...)}
}

// durationFlag is a flag such as 90s, 30m or 7d.
type durationFlag time.Duration

func (d *durationFlag) Type() string { return "duration" }

func (d *durationFlag) String() string {
	if *d == 0 {
		return ""
	}
	return runner.FormatDuration(time.Duration(*d))
}

func (d *durationFlag) Set(s string) error {
	v, err := whodid.ParseDuration(s)
	*d = durationFlag(v)
	return err
}

// pattern is a regular expression that is made when it is first needed: most
// starts of the program need none.
func pattern(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// fieldName is what the trail takes for the name of a tag or of metadata.
var fieldName = pattern(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// pairs reads "k=v" arguments; a later value of a name takes the place of an
// earlier one.
func pairs(flag string, args []string) (map[string]string, error) {
	out := make(map[string]string, len(args))
	for _, arg := range args {
		k, v, ok := strings.Cut(arg, "=")
		if !ok || k == "" {
			return nil, misuse(fmt.Errorf("%s %q is not of the form name=value", flag, arg), "write, for example, env=staging")
		}
		if !fieldName().MatchString(k) {
			return nil, misuse(fmt.Errorf("%s: %q is no name: it may have letters, digits and . _ -", flag, k), "write, for example, env=staging")
		}
		out[k] = v
	}
	return out, nil
}

// tags reads tags: each is a name and a text.
func tags(flag string, args []string) (whodid.Data, error) {
	given, err := pairs(flag, args)
	if err != nil {
		return nil, err
	}
	d := make(whodid.Data, len(given))
	for k, v := range given {
		d[k] = v
	}
	return d, nil
}

// metadata reads the metadata of an action. The catalogue gives the type of
// the fields that it knows; of others, whole numbers, true and false become
// such, and everything else is text.
func metadata(what string, args []string) (whodid.Data, error) {
	given, err := pairs("--data", args)
	if err != nil {
		return nil, err
	}
	kind, _ := whodid.KindOf(what)
	d := make(whodid.Data, len(given))
	for k, v := range given {
		field, known := whodid.Field{}, false
		if kind != nil {
			field, known = kind.Allows(k)
		}
		if known {
			d[k], err = typed(field.Type, v)
		} else {
			d[k] = guessed(v)
		}
		if err != nil {
			return nil, misuse(fmt.Errorf("--data %s=%s: %w", k, v, err), "%s means: %s", k, field.Meaning)
		}
	}
	return d, nil
}

func typed(t whodid.FieldType, v string) (any, error) {
	switch t {
	case whodid.Int:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return nil, errors.New("it must be a whole number")
		}
		return n, nil
	case whodid.Bool:
		if v != "true" && v != "false" {
			return nil, errors.New("it must be true or false")
		}
		return v == "true", nil
	case whodid.List:
		return strings.Split(v, ","), nil
	default:
		return v, nil
	}
}

// guessed takes for a number only what a number would be written as, so that
// "007" and "+5" stay what they are.
func guessed(v string) any {
	if v == "true" || v == "false" {
		return v == "true"
	}
	if n, err := strconv.ParseInt(v, 10, 64); err == nil && strconv.FormatInt(n, 10) == v && n < 1<<53 && n > -1<<53 {
		return n
	}
	return v
}

// usageFlags are what a model call, or a whole run, used and cost. What is not
// given is unknown, which is not zero.
type usageFlags struct {
	in, out, cacheRead, cacheWrite int64
	cost, model                    string
}

func (u *usageFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.Int64Var(&u.in, "tokens-in", 0, "input tokens, without those read from or written to a cache")
	f.Int64Var(&u.out, "tokens-out", 0, "output tokens")
	f.Int64Var(&u.cacheRead, "tokens-cache-read", 0, "input tokens read from a cache")
	f.Int64Var(&u.cacheWrite, "tokens-cache-write", 0, "input tokens written to a cache")
	f.StringVar(&u.cost, "cost-usd", "", "cost in US dollars, such as 0.0345; without it the cost is computed from tokens and model where both are known")
	f.StringVar(&u.model, "model", "", "the model that answered")
}

// data is the usage as metadata: only what was given.
func (u *usageFlags) data(c *cobra.Command) (whodid.Data, error) {
	d := whodid.Data{}
	for _, f := range []struct {
		flag, field string
		value       int64
	}{
		{"tokens-in", "input_tokens", u.in},
		{"tokens-out", "output_tokens", u.out},
		{"tokens-cache-read", "cache_read_tokens", u.cacheRead},
		{"tokens-cache-write", "cache_write_tokens", u.cacheWrite},
	} {
		if !c.Flags().Changed(f.flag) {
			continue
		}
		if f.value < 0 {
			return nil, usageError("--%s: %d is less than nothing", f.flag, f.value)
		}
		d[f.field] = f.value
	}
	if u.cost != "" {
		micros, err := parseUSD(u.cost)
		if err != nil {
			return nil, misuse(fmt.Errorf("--cost-usd: %w", err), "write, for example, --cost-usd 0.0345; leave it out if the cost is not known")
		}
		d["cost_micros"], d["cost_state"] = micros, string(whodid.CostMeasured)
	}
	if u.model != "" {
		d["model"] = u.model
	}
	return d, nil
}

// decimal is an amount as people and JSON write it. Its bounds keep the exact
// arithmetic below small.
var decimal = pattern(`^[0-9]{1,15}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,2})?$`)

// maxCost is the largest cost that is believed: a million dollars, in
// micro-dollars.
const maxCost = 1_000_000_000_000

// parseUSD reads an amount of US dollars as millionths of a dollar, without
// floating point. What is finer is rounded, halves up.
func parseUSD(s string) (int64, error) {
	s = strings.TrimPrefix(strings.TrimSpace(s), "$")
	if !decimal().MatchString(s) {
		return 0, fmt.Errorf("%q is not an amount of US dollars", s)
	}
	amount, ok := new(big.Rat).SetString(s)
	if !ok {
		return 0, fmt.Errorf("%q is not an amount of US dollars", s)
	}
	amount.Mul(amount, big.NewRat(1_000_000, 1))
	amount.Add(amount, big.NewRat(1, 2))
	micros := new(big.Int).Quo(amount.Num(), amount.Denom())
	if !micros.IsInt64() || micros.Int64() > maxCost {
		return 0, fmt.Errorf("%s is more than a million US dollars", s)
	}
	return micros.Int64(), nil
}

// at reads the value of --at; empty is now.
func (p *Program) at(value string) (time.Time, error) {
	if value == "" {
		return p.Now(), nil
	}
	return p.since("at", value)
}
