package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

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
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("couldn't read the settings: %w", err)
	}
	section, err := toml.Marshal(User{Server: s})
	if err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	if len(text) > 0 {
		section = append([]byte("\n"), section...)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("couldn't make the folder of the settings: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".config-*")
	if err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	defer os.Remove(f.Name()) //nolint:errcheck // it is gone if all went well
	_, err = f.Write(append(text, section...))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("couldn't write the settings: %w", err)
	}
	return nil
}
