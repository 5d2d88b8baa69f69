The jars in this archive, by name: version, licence as the project's own POM names it, and where it comes from. The texts lie beside this
file; NATIVES.md says what is inside the jars that carry native libraries.

<#list dependencyMap as e>
<#assign project = e.getKey()/>
<#assign licenses = e.getValue()/>
${project.groupId}:${project.artifactId}<#if project.artifact?? && project.artifact.classifier??>:${project.artifact.classifier}</#if> ${project.version}
    ${licenses?join(", or ")}<#if (project.url!"") != "">
    ${project.url}</#if>
</#list>
