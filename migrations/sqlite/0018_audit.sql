-- Who asks for one person's deeds, or for who listened to one report, gets them without a walk through all.
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_detail ON audit (detail, id);
