# Removes a throwaway PostgreSQL cluster when the last process that uses it has ended. The protocol is described in shared.go.
# Arguments: the cluster's directory, and how many seconds it waits for a next user.
dir=$1 grace=$2 idle=0

used() {
	for file in "$dir"/users/*; do
		kill -0 "${file##*/}" 2>/dev/null && return 0
	done
	return 1
}

# serving: does the process that the server has noted still run, and is it the server? (Its id may be another's by now.)
serving() {
	server=$(head -n 1 "$dir/data/postmaster.pid" 2>/dev/null)
	[ -n "$server" ] || return 1
	case $(ps -ww -o args= -p "$server" 2>/dev/null) in
	*"$dir/data"*) return 0 ;;
	esac
	return 1
}

while [ -d "$dir" ]; do
	if used; then
		idle=0
	elif [ "$idle" -lt "$grace" ]; then
		idle=$((idle + 1))
	else
		rm -f "$dir/open"
		if ! used; then
			# QUIT is PostgreSQL's immediate shutdown: no checkpoint, since nobody will read this again.
			serving && kill -QUIT "$server" && sleep 1
			serving && kill -KILL "$server"
			rm -rf "$dir"
			exit 0
		fi
	fi
	sleep 1
done
