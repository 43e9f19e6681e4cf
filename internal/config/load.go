package config

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
)

// Sources are where settings come from, the strongest first: flags, the
// environment, the file.
type Sources struct {
	// Flags are the values of the flags that were given, by [Setting.Flag].
	Flags map[string]string
	// Env looks up a variable of the environment.
	Env func(name string) string
	// File is the path of the file of settings; empty for none.
	File string
}

// Load reads the settings.
func Load(from Sources) (*Loaded, error) {
	c := defaults()
	l := &Loaded{Config: c, origin: map[string]string{}}
	if from.File != "" {
		if err := l.readFile(from.File); err != nil {
			return nil, err
		}
	}
	var wrong []error
	fields := fieldsOf(c)
	for i := range fields {
		f := &fields[i]
		for _, source := range []struct{ text, origin string }{
			{from.Env(f.Env), f.Env}, {from.Flags[f.Flag], "--" + f.Flag},
		} {
			if source.text == "" || source.origin == "--" {
				continue
			}
			if err := setText(f.value, source.text); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", source.origin, err))
				continue
			}
			l.origin[f.Name] = source.origin
		}
	}
	eachSecret(reflect.ValueOf(c).Elem(), "", func(name string, s *Secret) {
		if err := s.resolve(from.Env); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", name, err))
		}
	})
	if err := errors.Join(append(wrong, c.check())...); err != nil {
		return nil, fmt.Errorf("the settings can't be used: %w", err)
	}
	return l, nil
}

// Loaded are the settings, and where each came from.
type Loaded struct {
	*Config
	origin map[string]string
}

// readFile reads the file strictly: what it sets and nobody knows is most
// likely misspelled, and a limit that is misspelled is no limit.
func (l *Loaded) readFile(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("couldn't read the settings: %w", err)
	}
	meta, err := toml.Decode(string(text), l.Config)
	var parse toml.ParseError
	switch {
	case errors.Is(err, errLiteral):
		return fmt.Errorf("%s: %w", path, errLiteral) // the parser's own words may quote it
	case errors.As(err, &parse):
		return fmt.Errorf("%s: line %d: %s", path, parse.Position.Line, parse.Message)
	case err != nil:
		return fmt.Errorf("%s: %w", path, err)
	}
	unknown := &UnknownError{File: path}
	for _, key := range meta.Undecoded() {
		if above := key[:len(key)-1].String(); !slices.Contains(unknown.Settings, above) { // of an unknown table its name says all
			unknown.Settings = append(unknown.Settings, key.String())
		}
	}
	for _, key := range meta.Keys() {
		l.origin[key.String()] = path
	}
	if len(unknown.Settings) > 0 {
		return unknown
	}
	return nil
}

// UnknownError names what stands in the file and is no setting.
type UnknownError struct {
	File     string
	Settings []string
}

func (e *UnknownError) Error() string {
	quoted := make([]string, len(e.Settings))
	for i, s := range e.Settings {
		quoted[i] = strconv.Quote(s)
	}
	return fmt.Sprintf("%s: there is no setting %s", e.File, strings.Join(quoted, ", "))
}

// Setting is one setting that a flag or a variable may give.
type Setting struct {
	// Name is its name in the file, "tls.cert".
	Name string
	// Env is its variable of the environment.
	Env string
	// Flag is its flag without dashes; empty if it has none.
	Flag string
	// Usage is what the help of the flag says.
	Usage string
	// Default is its value if nobody sets it.
	Default string
	// Switch tells that it is on or off.
	Switch bool
}

// Settings lists the settings in the order of the struct. Lists of tables, which
// only the file can give, are not among them.
func Settings() []Setting {
	fields := fieldsOf(defaults())
	list := make([]Setting, len(fields))
	for i := range fields {
		list[i] = fields[i].Setting
	}
	return list
}

type field struct {
	Setting
	value reflect.Value
}

func fieldsOf(c *Config) []field {
	var list []field
	var walk func(v reflect.Value, prefix string)
	walk = func(v reflect.Value, prefix string) {
		for i := range v.NumField() {
			f, value := v.Type().Field(i), v.Field(i)
			name := prefix + f.Tag.Get("toml")
			_, isSecret := reflect.TypeAssert[Secret](value)
			switch {
			case value.Kind() == reflect.Struct && !isSecret:
				walk(value, name+".")
			case value.Kind() == reflect.Map, value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
				// Only the file can give these.
			default:
				list = append(list, field{Setting: Setting{
					Name: name, Env: "WHODID_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_")),
					Flag: f.Tag.Get("flag"), Usage: f.Tag.Get("usage"), Default: show(value), Switch: value.Kind() == reflect.Bool,
				}, value: value})
			}
		}
	}
	walk(reflect.ValueOf(c).Elem(), "")
	return list
}

// eachSecret visits every secret, those in lists of tables too.
func eachSecret(v reflect.Value, name string, visit func(string, *Secret)) {
	switch v.Kind() {
	case reflect.Struct:
		if s, ok := reflect.TypeAssert[*Secret](v.Addr()); ok {
			visit(name, s)
			return
		}
		for i := range v.NumField() {
			inner := v.Type().Field(i).Tag.Get("toml")
			if name != "" {
				inner = name + "." + inner
			}
			eachSecret(v.Field(i), inner, visit)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachSecret(v.Index(i), fmt.Sprintf("%s[%d]", name, i), visit)
		}
	default:
	}
}

// setText sets a value from the text of a flag or a variable.
func setText(v reflect.Value, text string) error {
	switch target := v.Addr().Interface().(type) {
	case *Secret:
		target.set(text)
		return nil
	case *Size:
		return target.UnmarshalText([]byte(text))
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a time such as 30s", text)
		}
		*target = d
		return nil
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		on, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(on)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetInt(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(n)
	case reflect.Slice:
		var list []string
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		v.Set(reflect.ValueOf(list).Convert(v.Type()))
	default:
		return fmt.Errorf("a setting of type %s can't be set by text", v.Type())
	}
	return nil
}
