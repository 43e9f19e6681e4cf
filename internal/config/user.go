package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"
)

// User is a user's own settings, as they stand in config.toml of the folder
// that [github.com/whodid/whodid/internal/place.ConfigFile] names.
type User struct {
	// Server is the server that "whodid sync" sends to.
	Server UserServer `toml:"server"`
}

// UserServer is a server as its user sees it.
type UserServer struct {
	// URL is its address, without a slash at the end.
	URL string `toml:"url"`
	// TokenFile is the file that holds the token, and nothing else.
	TokenFile string `toml:"token_file"`
}

// LoadUser reads a user's settings; where there is no file they are empty.
// What it does not know in the file is left to others.
func LoadUser(path string) (*User, error) {
	var u User
	_, err := toml.DecodeFile(path, &u)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("couldn't read the settings %s: %w", path, err)
	}
	return &u, nil
}

// PutServer writes the server into the file, if it is not there already. What
// else is in the file stays; a file that names another server is not changed,
// which is an error.
func PutServer(path string, s UserServer) error {
	u, err := LoadUser(path)
	if err != nil || u.Server == s {
		return err
	}
	if u.Server != (UserServer{}) {
		return fmt.Errorf("%s names another server (%s): change it there", path, u.Server.URL)
	}
	return SetServer(path, s)
}

// SetServer writes the server into the file in the place of the one that is
// named there; an empty one is none. What else is in the file stays as it is
// written. A file in which the server can't be changed without harm is not changed,
// which is an error.
func SetServer(path string, s UserServer) error {
	u, err := LoadUser(path)
	if err != nil || u.Server == s {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("couldn't read the settings: %w", err)
	}
	next := string(withoutTable(text, "server"))
	if s != (UserServer{}) {
		section, err := toml.Marshal(User{Server: s})
		if err != nil {
			return fmt.Errorf("couldn't write the settings: %w", err)
		}
		if next != "" {
			next = strings.TrimRight(next, "\n") + "\n\n"
		}
		next += string(section)
	}
	if !sameBut(string(text), next, s) {
		return fmt.Errorf("%s names the server in a way that can't be changed from here: change it there", path)
	}
	return replace(path, next)
}

// withoutTable is a TOML text without a table: its header, and the lines up to
// the next one.
func withoutTable(text []byte, name string) []byte {
	var out []byte
	inside := false
	for line := range bytes.Lines(text) {
		if bare := strings.TrimSpace(string(line)); strings.HasPrefix(bare, "[") {
			inside = bare == "["+name+"]" || strings.HasPrefix(bare, "["+name+"] ") || strings.HasPrefix(bare, "["+name+"]#")
		}
		if !inside {
			out = append(out, line...)
		}
	}
	return out
}

// sameBut tells whether two TOML texts say the same of everything but the
// server, and the second names this one: lines are not all there is to TOML, and
// what withoutTable took may have been more.
func sameBut(before, after string, s UserServer) bool {
	var a, b map[string]any
	var u User
	if _, err := toml.Decode(before, &a); err != nil {
		return false
	}
	if _, err := toml.Decode(after, &b); err != nil {
		return false
	}
	if _, err := toml.Decode(after, &u); err != nil || u.Server != s {
		return false
	}
	delete(a, "server")
	delete(b, "server")
	return reflect.DeepEqual(a, b)
}

// replace puts a file in place, whole and durable.
func replace(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("couldn't make the folder of the settings: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*")
	if err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone if all went well
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	return nil
}
