package githook

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/BurntSushi/toml"

	"github.com/whodid/whodid/internal/place"
)

// configFile is the name of a project's configuration.
const configFile = "config.toml"

// Config is the table [git] of a project's .whodid/config.toml:
//
//	[git]
//	subject = "warn"                   # off, warn or refuse
//	types = ["feat", "fix", "chore"]   # the usual eleven if it is left out
type Config struct {
	// Subject says what happens to a subject that does not follow Conventional
	// Commits. Where it is empty, a commit of an agent is warned about and one of
	// a person is left alone; once it is set it holds for both.
	Subject string `toml:"subject"`
	// Types are the types that a subject may begin with.
	Types []string `toml:"types"`
}

// What Config.Subject may be.
const (
	SubjectOff    = "off"
	SubjectWarn   = "warn"
	SubjectRefuse = "refuse"
)

// readConfig reads the configuration of the work tree in a folder. That there
// is none is no error.
func readConfig(top string) (Config, error) {
	path := filepath.Join(top, place.ProjectDir, configFile)
	text, err := readSmall(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	var file struct {
		Git Config `toml:"git"`
	}
	if err == nil {
		_, err = toml.Decode(string(text), &file)
	}
	if err != nil {
		return Config{}, fmt.Errorf("couldn't read %s: %w", path, err)
	}
	switch file.Git.Subject {
	case "", SubjectOff, SubjectWarn, SubjectRefuse:
		return file.Git, nil
	default:
		return Config{}, fmt.Errorf("couldn't read %s: git.subject is %q, not off, warn or refuse", path, file.Git.Subject)
	}
}
