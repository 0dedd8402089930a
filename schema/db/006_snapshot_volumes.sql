-- What is noted of a snapshot's volume: what was noted of its instance's when it was taken, until somebody changes it.

ALTER TABLE instances_snapshots ADD COLUMN volume_description TEXT NOT NULL DEFAULT '';

UPDATE instances_snapshots SET volume_description = coalesce(
    (SELECT v.description
     FROM storage_volumes AS v
     JOIN instances AS i ON i.name = v.name AND i.storage_pool_id = v.storage_pool_id
     WHERE v.type = 'container' AND i.id = instances_snapshots.instance_id), '');
