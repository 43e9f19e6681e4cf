package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/whodid/whodid/internal/place"
)

// Address is the address of a trail, which may hold a password.
type Address string

// masked is the address without its password.
func (a Address) masked() string {
	if a == "" {
		return ""
	}
	l, err := place.Parse(string(a))
	if err != nil {
		return "***"
	}
	return l.String()
}

// Size is a number of bytes, written like 64MiB, 1GB or 4096.
type Size int64

var units = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// UnmarshalText reads a size.
func (s *Size) UnmarshalText(text []byte) error {
	number, factor := strings.TrimSpace(string(text)), int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > math.MaxInt64/factor {
		return fmt.Errorf("%q is not a size such as 64MiB", text)
	}
	*s = Size(n * factor)
	return nil
}

// String is the size in the largest unit that tells it exactly.
func (s Size) String() string {
	for _, u := range []string{"GiB", "MiB", "KiB"} {
		for _, unit := range units {
			if unit.name == u && s != 0 && int64(s)%unit.bytes == 0 {
				return strconv.FormatInt(int64(s)/unit.bytes, 10) + u
			}
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// Secret is a setting that is never shown. A file of settings only says where
// it is, "file:/run/secrets/name" or "env:NAME"; the variable of the setting
// itself may hold either, or the secret.
type Secret struct{ reference, value string }

// Value is the secret; empty if it is not set.
func (s Secret) Value() string { return s.value }

// String says where the secret is, and not what it is.
func (s Secret) String() string {
	switch {
	case s.reference != "":
		return s.reference
	case s.value != "":
		return "***"
	default:
		return ""
	}
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the secret from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// errLiteral must not quote what it is about.
var errLiteral = errors.New(`a secret does not stand in a file of settings: write "file:/path/to/it" or "env:NAME"`)

// UnmarshalText reads where a secret is.
func (s *Secret) UnmarshalText(text []byte) error {
	t := string(text)
	if t != "" && !strings.HasPrefix(t, "file:") && !strings.HasPrefix(t, "env:") {
		return errLiteral
	}
	*s = Secret{reference: t}
	return nil
}

// set takes the value of the setting's own variable.
func (s *Secret) set(text string) {
	if s.UnmarshalText([]byte(text)) != nil {
		*s = Secret{value: text}
	}
}

// resolve reads the secret from where it is.
func (s *Secret) resolve(env func(string) string) error {
	if path, ok := strings.CutPrefix(s.reference, "file:"); ok {
		b, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("couldn't read the secret: %w", err)
		}
		if s.value = strings.TrimSpace(string(b)); s.value == "" {
			return fmt.Errorf("the secret in %s is empty", path)
		}
	}
	if name, ok := strings.CutPrefix(s.reference, "env:"); ok {
		if s.value = env(name); s.value == "" {
			return fmt.Errorf("the variable %s, which should hold the secret, is empty", name)
		}
	}
	return nil
}
