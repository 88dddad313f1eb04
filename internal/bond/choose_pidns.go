package bond

// choosePIDNamespace is about a command that both mechanisms reach through its init,
// whatever it becomes. Resource usage comes from the init, too.
func choosePIDNamespace(w Wish, f Facts) (Plan, error) {
	plan := Plan{Kind: w.Kind, UserNamespace: !f.SysAdmin}
	if plan.Kind == Auto {
		plan.Kind = Tripwire
		if f.Native == nil {
			plan.Kind = Native
		}
	}
	switch {
	case plan.Kind != Native && plan.Kind != Tripwire:
		return plan, noMechanism(plan.Kind)
	case f.Sealed:
		return plan, unsupported("this program is in a sealed tree, where nobody can make a PID namespace: what it starts belongs to that tree and dies with it")
	case plan.Kind == Native && f.Native != nil:
		return plan, f.Native
	case plan.UserNamespace && w.OtherUID:
		return plan, unsupported("without CAP_SYS_ADMIN a PID namespace takes a user namespace, in which there is no other user than the caller's own")
	case plan.UserNamespace && f.MixedIDs:
		return plan, unsupported("the real and effective ids of this program differ, and a user namespace without privileges has one user and one group only")
	case plan.Kind == Tripwire && f.MixedIDs:
		return plan, unsupported("the real and effective ids of this program differ, and an exec with such ids takes the death signal from an init; native (Linux 7.1) needs none")
	}
	return plan, nil
}
