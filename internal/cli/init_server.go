package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/whodid/whodid/internal/config"
	"github.com/whodid/whodid/internal/place"
)

// rememberServer writes the server into the user's settings, for "whodid sync",
// and returns the file. The token stays in its own file.
func (p *Program) rememberServer(address string, o *initOptions) (string, error) {
	path := place.ConfigFile(p.Env)
	s := config.UserServer{URL: address}
	if o.tokenFile != "" {
		s.TokenFile = o.tokenFile
		if !filepath.IsAbs(s.TokenFile) {
			s.TokenFile = filepath.Join(p.Dir, s.TokenFile)
		}
		info, err := os.Stat(s.TokenFile)
		switch {
		case err != nil:
			return "", fmt.Errorf("couldn't find the token: %w", err)
		case !info.Mode().IsRegular():
			return "", fmt.Errorf("the token %s is not a file", s.TokenFile)
		}
	}
	if o.dry {
		return path, nil
	}
	return path, config.PutServer(path, s)
}
