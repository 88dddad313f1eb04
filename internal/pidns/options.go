package pidns

// InitName is the name of the init, as ps(1) shows it.
const InitName = "autokill-init"

// Options are what the start depends on.
type Options struct {
	// Monitor puts a monitor before the init, to be the target of a tripwire. Without
	// it, what the request clones is the init.
	Monitor bool
	// UserNamespace makes a user namespace, too, for who may not make the others without
	// it.
	UserNamespace bool
}
