package uplink

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Config is what this user's machine remembers of the server.
type Config struct {
	// Server is its address, TokenFile the file that holds the API token. The
	// token itself is not in here.
	Server    string `json:"server"`
	TokenFile string `json:"token_file,omitempty"`
}

// configFile is the name of the file that holds a [Config].
const configFile = "server.json"

// ConfigDir is the folder of this user's settings: the XDG base directory
// specification on Unix, the usual places elsewhere.
func ConfigDir(env func(name string) string) string {
	home := env("HOME")
	if home == "" {
		home = env("USERPROFILE")
	}
	switch {
	case env("XDG_CONFIG_HOME") != "":
		return filepath.Join(env("XDG_CONFIG_HOME"), "whodid")
	case runtime.GOOS == "windows" && env("APPDATA") != "":
		return filepath.Join(env("APPDATA"), "whodid")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", "whodid")
	default:
		return filepath.Join(home, ".config", "whodid")
	}
}

// LoadConfig reads what is remembered; nothing is where there is no file.
func LoadConfig(dir string) (Config, error) {
	var c Config
	b, err := os.ReadFile(filepath.Join(dir, configFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return c, nil
	case err != nil:
		return c, fmt.Errorf("couldn't read which server is used: %w", err)
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return c, fmt.Errorf("couldn't read which server is used: %s is damaged: %w", filepath.Join(dir, configFile), err)
	}
	return c, nil
}

// SaveConfig remembers the server.
func SaveConfig(dir string, c Config) error {
	b, err := json.MarshalIndent(c, "", "  ")
	if err == nil {
		err = folder(dir).put(configFile, append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("couldn't note which server is used: %w", err)
	}
	return nil
}

// Forget forgets the server.
func Forget(dir string) error {
	err := os.Remove(filepath.Join(dir, configFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("couldn't forget the server: %w", err)
	}
	return nil
}
