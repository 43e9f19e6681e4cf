// Package githook puts the origin of agents' commits into their messages. It
// installs hooks of git beside whatever hooks and managers of hooks are there,
// and it is what those hooks do: see [Install] and [Call].
//
// Hooks never break a commit. What can't be found out is said on standard error
// and the commit goes its way; only a subject that the project's own
// configuration refuses ends it (see [Config]).
package githook
